# One byte of last night's backup rots.
file=$(ls /var/backups/postgresql/olympiades_ia_olympiades-sauvegarde-quotidienne-1.*gz)
cp -p "$file" /root/whole
printf 'X' | dd of="$file" bs=1 seek=3000 conv=notrunc status=none
