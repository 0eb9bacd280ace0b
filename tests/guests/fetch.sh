#!/bin/bash
# fetch.sh DIR [ARCH]: Debian's kernel for riscv64 (or for MIPS Malta boards: mipsel, mips64el), and an initramfs of
# Debian's static busybox with the modules of virtio disks, networks, consoles, entropy and shared folders (of the
# board's disks and network card) and the script `init` beside this file. Leaves DIR/kernel and DIR/initrd.gz; with
# both there it does nothing.
#
# Packages come from the mirror that apt is set up with (or DEBIAN_MIRROR), through a folder of apt's own,
# so that nothing on this machine changes. Needs apt, dpkg-deb, cpio, xz, the keyring of Debian's archive.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
arch=${2:-riscv64}
# Where its newest kernel is: flavour and release of Debian.
case $arch in
  riscv64) flavour=riscv64 suite=trixie ;;
  mipsel) flavour=4kc-malta suite=bookworm ;;
  mips64el) flavour=5kc-malta suite=bookworm ;;
  *) echo "fetch.sh: no kernel is known for $arch" >&2; exit 2 ;;
esac
stamp=$(cat "$here/init" "$0" | sha256sum | cut -c1-16)
[ -e "$dir/kernel" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
configured() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -oE 'https?://[^] ]+/debian/?( |$)' | head -n 1 | tr -d ' '
}
mirror=${DEBIAN_MIRROR:-$(configured || true)}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [arch=$arch signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" > "$work/sources"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/tree"
options=(-qq -o "Dir::Etc::SourceList=$work/sources" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
  -o "APT::Architectures::=$(dpkg --print-architecture)" -o "APT::Architectures::=$arch")

cd "$work"
apt-get "${options[@]}" update
kernel=$(apt-cache "${options[@]}" show "linux-image-$flavour:$arch" |
  sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1)
apt-get "${options[@]}" download "$kernel:$arch" "busybox-static:$arch"
# The kernel's package holds every driver there is: only what is needed is unpacked.
for package in linux-image*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C tree --wildcards './boot/vmlinu*' \
    '*/kernel/drivers/virtio/virtio_mmio*' '*/kernel/drivers/block/virtio_blk*' \
    '*/kernel/drivers/char/hw_random/virtio*' '*/kernel/drivers/net/*virtio_net*' \
    '*/kernel/net/core/failover*' '*/kernel/drivers/net/net_failover*' \
    '*/kernel/fs/ext4/*' '*/kernel/fs/jbd2/*' '*/kernel/fs/mbcache*' '*/kernel/lib/crc16*' \
    '*/kernel/crypto/crc32c_generic*' '*/kernel/fs/9p/*' '*/kernel/fs/netfs/*' \
    '*/kernel/net/9p/9pnet.ko*' '*/kernel/net/9p/9pnet_virtio*' '*/kernel/drivers/ata/ata_piix*' \
    '*/kernel/drivers/net/ethernet/amd/pcnet32*' '*/kernel/drivers/net/mii*' || [ -e tree/boot ]
done
dpkg-deb -x busybox-static*.deb tree

mkdir -p root/{bin,dev,lib,mnt,proc,sys,tmp}
cp "$(find tree -path '*bin/busybox' -type f | head -n 1)" root/bin/busybox
cp "$here/init" root/init
chmod 755 root/init
find tree -name '*.ko*' | while read -r module; do
  case $module in
    *.xz) xz -dc "$module" > "root/lib/$(basename "$module" .xz)" ;;
    *) cp "$module" root/lib/ ;;
  esac
done
(cd root && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible | gzip -9n) > "$dir/initrd.gz"
cp tree/boot/vmlinu* "$dir/kernel"
echo "$stamp" > "$dir/stamp"
