# A new user with a checkout in a home that is closed to all others, and with the umask of somebody
# who is careful; sourced by tests/clean-room/commands/*, inside the clean room.
# shellcheck shell=bash
umask 077

# move_in USER: root, or an ordinary user, who is made and has sudo. Goes to the user's checkout;
# "${as_user[@]}" before a command runs it as the user.
move_in() {
  local user=$1 home=/root
  as_user=()
  if [ "$user" != root ]; then
    home=/home/$user
    as_user=(setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$home" USER="$user")
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install sudo >/dev/null 2>&1
    useradd --create-home --shell /bin/bash "$user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"/etc/sudoers.d/$user"
  fi
  chmod 700 "$home"
  cp -r /srv/collectd-sidecar "$home/checkout"
  chown -R "$user:" "$home"
  cd "$home/checkout" || exit
}

# run_tests [SUITE...]: as the user who moved in, all suites, as the command stands, or these: it
# installs what all of them need, builds, and counts.
run_tests() {
  local status=0
  "${as_user[@]}" tests/run "$@" >/tmp/tests.log 2>&1 || status=$?
  if [ "$status" -ne 0 ] || ! tail -n 1 /tmp/tests.log | grep -Eq '^[0-9]+ passed, 0 failed, [0-9]+ skipped$'; then
    echo 'clean room: the whole of what it said:'
    cat /tmp/tests.log
    exit 1
  fi
  # A test that lacks a package skips, and names it: here that is an install step that is missing.
  if grep -E '^skip .*(Debian package|see its log)' /tmp/tests.log; then
    echo 'clean room: tests/run does not install all that its tests need'
    exit 1
  fi
  grep -E '^--- [a-z0-9-]+ took ' /tmp/tests.log
  sed -n '/^--- all suites took/,$p' /tmp/tests.log
  [ ! -e /usr/sbin/policy-rc.d ] || { echo 'clean room: /usr/sbin/policy-rc.d is still there'; exit 1; }
  # That folder belongs to the collectd that is installed.
  [ -z "$(find /var/lib/collectd -name '*sidecar*')" ] || { find /var/lib/collectd; exit 1; }
}
