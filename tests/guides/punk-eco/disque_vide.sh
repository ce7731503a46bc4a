umount /var/backups/punk-eco/base
