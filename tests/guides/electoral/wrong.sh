# The branch has a fault that only the running application shows.
git clone -q -b modif/liste-electorale /srv/electoral.git /root/wrong
cd /root/wrong
sed -i "s/'bureaux'/'bureaux_de_vote'/" resources/views/liste.blade.php
git commit -qam 'A fault in the page'
git push -qf origin modif/liste-electorale
