rm -rf /root/wrong
git -C /srv/electoral.git update-ref refs/heads/modif/liste-electorale refs/heads/modif/liste-electorale~1
git -C /var/www/electoral update-ref -d refs/remotes/origin/modif/liste-electorale
