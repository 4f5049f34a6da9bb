/*
 * What runs in the guest: it says on its console what it is and which disks it has, and writes into the data disks that
 * are marked for it. Then, as `guest.then` says, it powers off, or stays until its power button is pressed and tells of
 * disks that come and go.
 *
 *   guest: up firmware=bios
 *   guest: disk lun=5 bytes=1073741824
 *   guest: wrote lun=5
 *   guest: no disk lun=5
 *   guest: power button
 *   guest: off
 */
export const GUEST_MODULES = ['virtio_pci', 'virtio_scsi', 'ata_piix', 'sd_mod', 'button', 'evdev'] as const;

/** The first bytes of a data disk that the guest may write into. */
export const GUEST_MAY_WRITE = 'guest-may-write';
export const GUEST_WROTE = { offset: 4096, text: 'written by the guest' } as const;

export const GUEST_INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /seen
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo 3 > /proc/sys/kernel/printk
for module in ${GUEST_MODULES.join(' ')}; do modprobe $module; done
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
echo "guest: up firmware=$firmware"

look() {
  for disk in /sys/block/sd*; do
    [ -e $disk/size ] || continue
    name=\${disk##*/}
    [ -e /seen/$name ] && continue
    address=$(readlink $disk/device)
    lun=\${address##*:}
    echo $lun > /seen/$name
    echo "guest: disk lun=$lun bytes=$(( $(cat $disk/size) * 512 ))"
    if [ "$(dd if=/dev/$name bs=${GUEST_MAY_WRITE.length} count=1 2>/dev/null)" = ${GUEST_MAY_WRITE} ]; then
      echo -n '${GUEST_WROTE.text}' | dd of=/dev/$name bs=512 seek=${GUEST_WROTE.offset / 512} conv=notrunc,fsync 2>/dev/null
      echo "guest: wrote lun=$lun"
    fi
  done
  for seen in /seen/*; do
    name=\${seen##*/}
    [ -e $seen ] || continue
    [ -e /sys/block/$name ] && continue
    echo "guest: no disk lun=$(cat $seen)"
    rm $seen
  done
}

off() {
  sync
  echo "guest: off"
  poweroff -f
  sleep 60
}

sleep 1
look
case $(cat /proc/cmdline) in *guest.then=off*) off ;; esac
for input in /dev/input/event*; do
  (dd if=$input bs=24 count=1 >/dev/null 2>&1 && echo "guest: power button" && off) &
done
while true; do
  sleep 1
  look
done
`;
