# The package in the depot is another one than that of the sums.
cp -a /srv/depot/paquets/v3.2.0 /tmp/right
printf x >>/srv/depot/paquets/v3.2.0/intimemanager-3.2.0.tar.gz
