# The provider puts the snapshot back: nothing is left of what packages leave behind.
rm -rf /etc/postgresql /etc/apt/apt.conf.d/02autoremove-postgresql /var/lib/postgresql/* /var/log/postgresql/*
