#!/bin/busybox sh
# First process of the first domain: starts Xen's daemons, runs every guest of /guests to its end, one
# after the other, and sends what they printed as a tar archive over the second serial line.
export PATH=/bin:/sbin:/xen LD_LIBRARY_PATH=/lib
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
ln -s /run /var/run
mkdir -p /run/lock /run/xen /run/xenstored /var/lib/xen /var/lib/xenstored /var/log/xen/console /results
ln -s /run/lock /var/lock

# Nothing is left to do after an error but to show it and to switch off.
end() {
  echo "dom0: $*"
  stty -F /dev/ttyS1 raw 115200
  tar -c -C /results . >/dev/ttyS1
  sleep 2
  poweroff -f
}

for module in xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs; do
  insmod "/modules/$module.ko" || end "cannot load $module"
done
mount -t xenfs xenfs /proc/xen
xenstored || end "no xenstored"
until xenstore-exists /tool || xenstore-write /tool ""; do sleep 1; done
xen-init-dom0 || end "xen-init-dom0 failed"
xenconsoled --log=guest --log-dir=/var/log/xen/console || end "no xenconsoled"
xl info >/results/xl-info

for config in /guests/*.cfg; do
  name=${config##*/}
  name=${name%.cfg}
  echo "dom0: $name"
  xl create -F "$config" >"/results/$name.xl" 2>&1 &
  child=$!
  # A guest that does not end is ended.
  for second in $(seq "$(sed -n 's/^# seconds: //p' "$config")"); do
    kill -0 $child 2>/dev/null || break
    sleep 1
  done
  if kill -0 $child 2>/dev/null; then
    echo "timeout" >>"/results/$name.xl"
    xl destroy "$name"
  fi
  wait $child
  # The daemon has read the ring before the domain is gone.
  sleep 1
  cp "/var/log/xen/console/guest-$name.log" "/results/$name.console"
done
xl dmesg >/results/xl-dmesg
dmesg >/results/dom0-dmesg
end "all guests have ended"
