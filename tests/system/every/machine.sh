# Everything that the plan works on, as it is before.
set -euo pipefail
mkdir -p machine/{app,libraries,packages,releases/1,old/deep} served migrations packages/greet go
printf one >machine/releases/1/page; ln -s releases/1 machine/current; printf kept >machine/old/deep/file
chmod 0750 machine/old/deep; ln -s deep machine/old/link; touch -d '2020-01-01 00:00:00.5' machine/old/deep/file
printf 'NAME=shop\nVERSION=1\n' >machine/settings.env; printf 'Version {{ run.id }}\n' >served/page.txt
mkdir two; printf two >two/page; tar -C two -czf served/release.tar.gz page; (cd served; sha256sum release.tar.gz >SHA256SUMS)
printf '# Changelog\n\n## [1.0.0]\n\n### Added\n- The shop\n' >machine/CHANGELOG.md
sqlite3 machine/shop.db 'create table products (name text); insert into products values (1), (2)'
sqlite3 machine/copy.db 'create table other (x); insert into other values (7)'
printf 'create table offers (x int);\n' >migrations/V1_1__offers.sql
mkdir migrations/rollback; printf 'drop table offers;\n' >migrations/rollback/V1_1__rollback.sql
git='git -c user.name=A -c user.email=a@example.org -C machine/app'
$git init -q -b main; printf one >machine/app/page; $git add -A; $git commit -qm one
printf two >machine/app/page; $git commit -qam two; $git tag v2; $git reset -q --hard HEAD~1
printf '<?php' >packages/greet/greet.php
printf '{"name": "acme/greet", "version": "1.0.0"}' >packages/greet/composer.json
cat >machine/libraries/composer.json <<'J'
{ "name": "acme/app", "require": { "acme/greet": "1.0.0" },
  "repositories": [{ "type": "path", "url": "../../packages/greet", "options": { "symlink": false } }, { "packagist.org": false }] }
J
COMPOSER_ALLOW_SUPERUSER=1 composer --working-dir=machine/libraries update --no-install --quiet
touch -d '2021-01-01' machine/settings.env machine/CHANGELOG.md machine/releases/1/page machine/app/page
