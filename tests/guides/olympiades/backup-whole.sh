cp -p /root/whole "$(ls /var/backups/postgresql/olympiades_ia_olympiades-sauvegarde-quotidienne-1.*gz)"
