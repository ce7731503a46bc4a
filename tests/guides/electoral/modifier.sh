# What the developer does when asked: the change; and on the way back, away with it.
cd /home/dev/electoral
if grep -q Bienvenue resources/views/liste.blade.php; then
    git reset -q --hard origin/main
else
    echo 'Bienvenue' >>resources/views/liste.blade.php
    echo "# Accueil" >docs/accueil.md
    git add -A
    git commit -qm 'Un mot de bienvenue'
fi
