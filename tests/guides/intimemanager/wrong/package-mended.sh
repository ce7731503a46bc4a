rm -r /srv/depot/paquets/v3.2.0
mv /tmp/right /srv/depot/paquets/v3.2.0
