#!/bin/busybox sh
# First process of the Linux guest: shows what it sees of its machine, and switches off.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
sleep 1 # the kernel's last messages
for file in /proc/cpuinfo /proc/iomem /proc/interrupts /proc/consoles /proc/partitions \
  /sys/devices/system/clocksource/clocksource0/available_clocksource \
  /sys/devices/system/clocksource/clocksource0/current_clocksource \
  $(find /sys/hypervisor /sys/devices/system/cpu/vulnerabilities -type f | sort); do
  echo "== $file"
  cat "$file" 2>&1
done
echo "== end"
sleep 1
poweroff -f
