# The disk of the database's backups is full.
mount -t tmpfs -o size=4k,mode=0700 plein /var/backups/punk-eco/base
