# A machine whose collectd is somebody else's: what the trials of the packages share. Sourced
# after demo.sh by tests/clean-room/commands/package-*.
# shellcheck shell=bash

# An ordinary configuration: some readings, a network, a Graphite, thresholds; nothing of ours.
somebodys_configuration() {
  cat <<'END'
Hostname "room"
FQDNLookup false
Interval 1
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "/var/log/collectd.log"
  PrintSeverity true
</Plugin>
LoadPlugin cpu
LoadPlugin load
LoadPlugin memory
LoadPlugin network
<Plugin network>
  Server "127.0.0.1" "25826"
</Plugin>
<LoadPlugin write_graphite>
  FlushInterval 1
</LoadPlugin>
<Plugin write_graphite>
  <Node "somebody">
    Host "127.0.0.1"
    Port "2003"
    Protocol "tcp"
    Prefix "servers."
  </Node>
</Plugin>
LoadPlugin threshold
<Plugin threshold>
  <Plugin load>
    <Type load>
      WarningMax 1000
    </Type>
  </Plugin>
</Plugin>
<Include "/etc/collectd/collectd.conf.d">
  Filter "*.conf"
</Include>
END
}

# Debian's collectd with that configuration, not started, and of what it recommends the libraries
# that we need as well; a Graphite that keeps what it gets in /tmp/graphite; and two sidecars.
install_somebodys_collectd() {
  : >/tmp/demo.log
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  apt-get -q update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install \
    collectd libcurl4 libyajl2 netcat-openbsd >/tmp/demo.log 2>&1 || fail "collectd cannot be installed"
  # With neither an init system nor this file invoke-rc.d takes it for a chroot, and does nothing.
  printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d
  somebodys_configuration >/etc/collectd/collectd.conf
  nc -lk 127.0.0.1 2003 </dev/null >/tmp/graphite &
  useradd somebody
  run_sidecars somebody
}

# run_sidecars USER: programs of that name, one of root's in the folder app, one of the user's in app2.
run_sidecars() {
  mkdir -p /srv/app /srv/app2
  cp "$(command -v sleep)" /srv/app/sidecar
  (cd /srv/app && exec ./sidecar 100000) &
  (cd /srv/app2 && exec setpriv --reuid "$1" --regid "$1" --clear-groups /srv/app/sidecar 100000) &
  sleep 5 # MinimumAge
}

# receives SERIES...: each comes anew within half a minute.
receives() {
  local from series
  from=$(wc -l </tmp/graphite)
  for series in "$@"; do
    for _ in $(seq 60); do
      tail -n "+$((from + 1))" /tmp/graphite | grep -q "^servers\.room\.${series}[^ ]* " && continue 2
      sleep 0.5
    done
    cat /var/log/collectd.log >>/tmp/demo.log
    fail "no value of $series came"
  done
}

# receives_no_more SERIES: for three intervals.
receives_no_more() {
  local from
  sleep 1
  from=$(wc -l </tmp/graphite)
  sleep 3
  ! tail -n "+$((from + 1))" /tmp/graphite | grep "^servers\.room\.${1}" >>/tmp/demo.log || fail "$1 still comes"
}

# said SEVERITY: those lines of collectd's log.
said() {
  grep -F "[$1]" /var/log/collectd.log || true
}
