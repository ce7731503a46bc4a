# A package that is whole, and whose code asks for a column that no script makes.
cp -a /srv/depot/paquets/v3.2.0 /tmp/right
cp -a /tmp/p/intimemanager-3.2.0 /tmp/p/kept
cd /tmp/p
sed -i 's/COUNT(fuseau_horaire)/COUNT(fuseau)/' intimemanager-3.2.0/src/Appointments.php
tar -czf /srv/depot/paquets/v3.2.0/intimemanager-3.2.0.tar.gz intimemanager-3.2.0
rm -r intimemanager-3.2.0
mv kept intimemanager-3.2.0
cd /srv/depot/paquets/v3.2.0
sha256sum intimemanager-3.2.0.tar.gz >SHA256SUMS
