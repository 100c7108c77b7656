#!/bin/sh
# A container out of the kernel's own parts: namespaces for mounts, processes and network, a root file system of its own
# that cannot be written, a user without privileges. Needs root.
#
#   start.sh ROOT IMAGE USER FOLDER HOLDER LINK ADDRESS HOSTS MOUNT… -- COMMAND…
#
# ROOT     an empty folder, the container's root (in this mount namespace alone)
# IMAGE    what the image adds to its base; this machine's /usr is the base
# USER     UID:GID       FOLDER  where the command starts
# HOLDER   process whose network namespace has the bridge br0; LINK its end of this container's cable
# ADDRESS  of the container, 10.0.0.N/24       HOSTS  a file for /etc/hosts
# MOUNT    SOURCE:TARGET[:ro|:rw], TARGET in the container
#
# A line on file descriptor 3 says that there is a process 1, whose place the command takes.
set -eu
root=$1 image=$2 user=$3 folder=$4 holder=$5 link=$6 address=$7 hosts=$8
shift 8

ip link add eth0 type veth peer name "$link" netns "$holder"
nsenter --target "$holder" --net ip link set "$link" master br0 up
ip address add "$address" dev eth0
ip link set eth0 up
ip link set lo up

mount --make-rprivate /
mount -t tmpfs -o mode=755 container "$root"
bind() { # SOURCE TARGET OPTIONS
  if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "${2%/*}" && : >"$2"; fi
  mount --bind "$1" "$2"
  mount -o "remount,bind,$3" "$2"
}
bind /usr "$root/usr" ro
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for path in "$image"/*; do
  # What the image has as an empty folder for everyone is a place for volumes.
  bind "$path" "$root/${path##*/}" ro
done
while [ "$1" != -- ]; do
  source=${1%%:*} target=${1#*:} options=rw
  case $target in
    *:ro) target=${target%:ro} options=ro ;;
    *:rw) target=${target%:rw} ;;
  esac
  bind "$source" "$root$target" "$options"
  shift
done
shift
bind "$hosts" "$root/etc/hosts" ro
for device in null zero random urandom; do bind "/dev/$device" "$root/dev/$device" rw; done
mkdir -p "$root/proc" "$root/tmp" "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -o remount,ro "$root"

# Every step replaces the one before: the command is process 1.
exec unshare --pid --fork --kill-child sh -ec '
  echo begun >&3
  exec 3>&-
  root=$1 user=$2 folder=$3
  shift 3
  mount -t proc proc "$root/proc"
  exec chroot "$root" setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all env -C "$folder" "$@"
' sh "$root" "$user" "$folder" "$@"
