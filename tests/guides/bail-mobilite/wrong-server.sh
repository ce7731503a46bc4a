# The database server dies in the middle of the conversion.
cat >/root/fault.sh <<'END'
until mariadb ops 2>/dev/null <<'SQL'; do sleep 0.05; done
DELIMITER //
BEGIN NOT ATOMIC
    REPEAT DO SLEEP(0.01); UNTIL (SELECT count(*) FROM bail_mobilites) > 0 END REPEAT;
END//
SQL
kill -9 "$(pidof mariadbd)"
END
systemd-run --quiet --unit=fault bash /root/fault.sh
