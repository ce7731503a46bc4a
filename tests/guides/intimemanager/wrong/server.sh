# The database server dies as soon as users are out, and systemd brings it back after some seconds.
cat >/tmp/kill.sh <<'END'
server=$(systemctl show -P MainPID mariadb)
until [ -e /srv/intimemanager/shared/maintenance.flag ]; do sleep 0.005; done
kill -9 "$server"
END
systemd-run -q --unit=guide-kill bash /tmp/kill.sh
