#!/bin/bash
# debian.sh DIR [HETEMU]: a disk image with Debian trixie for riscv64, made without any other emulator: packages
# are unpacked here (debootstrap --foreign) and configured by their own scripts inside hetemu.
#
# Leaves DIR/debian.img (2 GiB, sparse; root's password is `hetemu`), beside the kernel and the initramfs of
# fetch.sh. `apt` inside works offline, from file:/opt/debs. Needs root, the network, and Debian's debootstrap,
# e2fsprogs, dpkg-dev and opensbi.
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
include=systemd-sysv,udev,kmod,e2fsprogs,iproute2,procps,login,passwd,dbus
sbi=/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin

rm -rf tree debian.img
debootstrap --foreign --arch=riscv64 --variant=minbase --include=$include \
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg trixie tree "$mirror"
# In a container debootstrap makes links and nodes that are the container's.
rm -rf tree/proc tree/sys tree/dev
mkdir tree/proc tree/sys tree/dev

# A repository of a few packages, for apt inside.
mkdir -p tree/opt/debs apt/lists/partial apt/cache/archives/partial
echo "deb [arch=riscv64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > apt/sources
options=(-qq -o "Dir::Etc::SourceList=$PWD/apt/sources" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root
  -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=riscv64)
apt-get "${options[@]}" update
(cd tree/opt/debs &&
  apt-get "${options[@]}" download hello:riscv64 jq:riscv64 libjq1:riscv64 libonig5:riscv64 &&
  dpkg-scanpackages -a riscv64 . > Packages)
rm -rf apt

cat > tree/opt/second-stage <<'END'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive
/debootstrap/debootstrap --second-stage || { cat /debootstrap/debootstrap.log; sleep 100; }
mount -t proc proc /proc 2>/dev/null
echo hetemu > /etc/hostname
echo "/dev/vda / ext4 errors=remount-ro 0 1" > /etc/fstab
echo "root:hetemu" | chpasswd
echo "deb [trusted=yes] file:/opt/debs ./" > /etc/apt/sources.list
rm /opt/second-stage
sync
mount -o remount,ro /
echo SECOND STAGE DONE
echo o > /proc/sysrq-trigger
sleep 100
END
chmod 755 tree/opt/second-stage
mke2fs -q -t ext4 -L debian -d tree debian.img 2G
rm -rf tree
"$hetemu" run riscv-virt --set ram=1GiB --plug firmware=$sbi --plug kernel=kernel --plug initrd=initrd.gz \
  --plug disk0=debian.img --set "bootargs=console=ttyS0 root=/dev/vda rw init=/opt/second-stage" \
  --expect 'SECOND STAGE DONE(?s:.*)Power down' </dev/null
