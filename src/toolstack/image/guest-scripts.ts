/**
 * The shell scripts of the default guest, for busybox ash. The protocol that they speak on the
 * consoles is described in docs/console-protocol.md. Processes are dear on a software processor:
 * built-ins are preferred to programs here.
 */

/** /init: the first process. */
export const INIT = `#!/bin/busybox sh
# First process: prepares the system, then becomes init, or runs the one command of this machine.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root USER=root SHELL=/bin/sh TERM=xterm

[ -e /bin/sh ] || /bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ifconfig lo up

hostname=typervisor
read -r cmdline </proc/cmdline
for word in $cmdline; do
  case $word in
    typervisor.hostname=*) hostname=\${word#*=} ;;
    typervisor.term=*) TERM=\${word#*=} ;;
    typervisor.tty=*x*) TTY_COLUMNS=\${word#*=} TTY_ROWS=\${word##*x}; TTY_COLUMNS=\${TTY_COLUMNS%x*} ;;
  esac
done
echo "$hostname" >/proc/sys/kernel/hostname

# Processors may come and go (vcpu-set).
read -r processors </sys/devices/system/cpu/possible
[ "$processors" = 0 ] || uevent /lib/typervisor/uevent </dev/null >/dev/null 2>&1 &

. /lib/typervisor/consoles
[ -e /typervisor/command ] && . /lib/typervisor/command

if [ -e /sys/bus/xen/devices/console-1 ]; then
  open_consoles 1
  control &
  exec 4>&-
fi
export TTY_COLUMNS TTY_ROWS
# Its own messages would be in the way of the session's.
exec /sbin/init </dev/null >/dev/null 2>&1
`;

/** What udev's rules do in a Debian installation: called for each device event, which is in the environment. */
export const UEVENT = `#!/bin/sh
# The kernel takes processors off by itself, but leaves it to us to put new ones to use.
[ "$SUBSYSTEM/$ACTION" = cpu/add ] && echo 1 >"/sys$DEVPATH/online"
`;

/** Functions for the further consoles. */
export const CONSOLES = `# hvc1 (control) is file descriptor 4, hvc2 (data) 5, hvc3 (error) 6.

# open_consoles LAST: opens hvc1 to hvcLAST, and makes them raw.
open_consoles() {
  for n in $(seq 1 "$1"); do
    # The device exists before its console does.
    until { true <>"/dev/hvc$n"; } 2>/dev/null; do usleep 20000; done
    eval "exec $((n + 3))<>/dev/hvc$n"
    stty raw -echo <"/dev/hvc$n"
  done
  echo ready >&4
}

# Does what the host says on the control console.
control() {
  while read -r verb one two <&4; do
    case $verb in
      winsize) stty cols "$one" rows "$two" </dev/hvc0 ;;
      signal) [ -s /run/command.pid ] && read -r pid </run/command.pid && kill -"$one" -"$pid" ;;
      poweroff) poweroff -f ;;
    esac
  done 2>/dev/null
}
`;

/** Runs the command of /typervisor/command. Sourced by /init; does not return. */
export const COMMAND = `# Sets mode, stdin, the environment, the directory, and the command as "$@".
. /typervisor/command

# The command leads a session and a process group of its own, for signals. It is started in a
# subshell, so that what this shell says of its end ("Killed") is not among its messages.
record='echo $$ >/run/command.pid; exec "$@"'

# Reads chunks (length, newline, bytes) from the data console.
feed() {
  while read -r length <&5 && [ "$length" -gt 0 ]; do
    dd bs="$length" count=1 iflag=fullblock <&5 2>/dev/null
  done
}

case $mode in
  terminal)
    open_consoles 1
    control &
    [ -n "$TTY_ROWS" ] && stty cols "$TTY_COLUMNS" rows "$TTY_ROWS" </dev/hvc0
    (exec setsid -c sh -c "$record" sh "$@" </dev/hvc0 >/dev/hvc0 2>&1 4>&-)
    status=$?
    ;;
  *)
    open_consoles 3
    control &
    mkfifo /run/stdin /run/stdout /run/stderr
    cat /run/stdout >&5 &
    output=$!
    cat /run/stderr >&6 &
    errors=$!
    input=/dev/null
    if [ "$stdin" = stream ]; then
      input=/run/stdin
      feed >/run/stdin 2>/dev/null &
    fi
    (exec setsid sh -c "$record" sh "$@" <$input >/run/stdout 2>/run/stderr 4>&- 5>&- 6>&-)
    status=$?
    # What it left running would keep the pipes open.
    read -r pid </run/command.pid && kill -KILL -"$pid" 2>/dev/null
    wait $output $errors
    ;;
esac
echo "exit $status" >&4
poweroff -f
`;

export const INITTAB = `hvc0::once:-/lib/typervisor/session
::ctrlaltdel:/sbin/reboot
`;

/** The interactive session. init has made hvc0 its controlling terminal. */
export const SESSION = `#!/bin/sh
# The machine ends with its session, and the session with its shell: not by \`killall sh\`.
trap : TERM HUP
export HOME=/root
cd
[ -n "$TTY_ROWS" ] && stty cols "$TTY_COLUMNS" rows "$TTY_ROWS"
unset TTY_COLUMNS TTY_ROWS
sh -l
poweroff -f
`;

export const PROFILE = `export PATH=/bin:/sbin:/usr/bin:/usr/sbin
PS1='\\[\\033[1m\\]\\u@\\h\\[\\033[0m\\]:\\w\\$ '
alias ll='ls -l'
read -r release </proc/sys/kernel/osrelease
echo "Linux $release, a Xen PV guest of Typervisor. Leave the shell to power off."
unset release
`;
