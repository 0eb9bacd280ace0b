#!/bin/bash
# debian.sh DIR [HETEMU]: makes a disk image with Debian trixie for riscv64, and tries it in hetemu: boots to the
# login prompt, logs in, installs packages with apt from a repository on the disk, powers off, and checks the
# file system.
#
# Leaves DIR/debian.img (2 GiB, sparse; root's password is `hetemu`), beside the kernel and the initramfs of
# fetch.sh. Needs root, the network, Debian's packages mmdebstrap, qemu-user-static, e2fsprogs, dpkg-dev, openssl
# and opensbi, and a kernel that runs programs for riscv64 with qemu-user-static (binfmt_misc), which packages use
# to configure themselves.
#
#   hetemu run riscv-virt --set ram=1GiB \
#     --plug firmware=/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin \
#     --plug kernel=DIR/kernel --plug initrd=DIR/initrd.gz --plug disk0=DIR/debian.img \
#     --set bootargs="root=/dev/vda rw console=ttyS0"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hetemu=$(realpath "$(command -v "${2:-hetemu}")")
"$here/fetch.sh" "$1"
cd "$1"
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
include=systemd-sysv,udev,dbus,kmod,e2fsprogs,iproute2,procps,login,passwd
keys=/usr/share/keyrings/debian-archive-keyring.gpg
sbi=/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
binfmt=/proc/sys/fs/binfmt_misc
if [ ! -e $binfmt/qemu-riscv64 ]; then
  echo "no $binfmt/qemu-riscv64; where no service does it, root can:" >&2
  echo "  mount -t binfmt_misc none $binfmt; cat /usr/lib/binfmt.d/qemu-riscv64.conf > $binfmt/register" >&2
  exit 1
fi

rm -rf tree debian.img
mmdebstrap --arch=riscv64 --variant=minbase --include=$include --keyring=$keys trixie tree "deb $mirror trixie main"

# A repository of a few packages, for apt inside.
mkdir -p tree/opt/debs apt/lists/partial apt/cache/archives/partial
echo "deb [arch=riscv64 signed-by=$keys] $mirror trixie main" > apt/sources
options=(-qq -o "Dir::Etc::SourceList=$PWD/apt/sources" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root
  -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=riscv64)
apt-get "${options[@]}" update
(cd tree/opt/debs &&
  apt-get "${options[@]}" download hello:riscv64 jq:riscv64 libjq1:riscv64 libonig5:riscv64 &&
  dpkg-scanpackages -a riscv64 . > Packages)
rm -rf apt

# What makes it a machine of its own.
echo hetemu > tree/etc/hostname
echo "/dev/vda / ext4 errors=remount-ro 0 1" > tree/etc/fstab
echo "deb [trusted=yes] file:/opt/debs ./" > tree/etc/apt/sources.list
hash=$(openssl passwd -6 hetemu)
sed -i "s|^root:[^:]*:|root:$hash:|" tree/etc/shadow
mke2fs -q -t ext4 -L debian -d tree debian.img 2G
rm -rf tree

# Boots, logs in, does what further arguments say, and powers off.
login() {
  "$hetemu" run riscv-virt --set ram=1GiB --plug firmware=$sbi --plug kernel=kernel --plug initrd=initrd.gz \
    --plug disk0=debian.img --set "bootargs=console=ttyS0 root=/dev/vda rw" --timeout "${TIMEOUT:-1h}" \
    --expect 'hetemu login: ' --send 'root\r' --expect 'Password: ' --send 'hetemu\r' \
    --expect 'root@hetemu:.*# ' "$@" --send 'poweroff\r' --expect 'Power down' </dev/null
}
time login
login --send 'apt-get update && apt-get -y install hello jq && hello && echo \\[6,7] | jq -M add,length\r' \
  --expect 'Hello, world!\r?\n13\r?\n2\r?\n(?s:.*)# '
e2fsck -fn debian.img
