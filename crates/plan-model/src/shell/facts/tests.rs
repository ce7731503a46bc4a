//! Each fact on the shell of the guides: one text that has it, one that does not.

use super::*;
use crate::shell::read;

/// `marked` is the text of each fact, apart by `¦`; nothing for none.
#[track_caller]
fn check(ask: impl Fn(&Script<'_>) -> Vec<Fact>, script: &str, marked: &str) {
    let read = read(script);
    let facts = ask(&read);
    assert!(marked.is_empty() || !is_plain(&read), "{script}");
    let texts: Vec<&str> = facts.iter().map(|fact| read.slice(&fact.range)).collect();
    assert_eq!(texts.join("¦"), marked, "{script}: {facts:?}");
}

#[test]
fn plain_scripts_need_no_questions() {
    for script in ["./convert --part 3 {{ v }}\nsystemctl reload shop", "echo done"] {
        assert!(is_plain(&read(script)), "{script}");
    }
    for script in
        ["psql", "./a || true", "./a --token b", "echo ~/x", "./a > b", "A=1 ./b", "./artisan down"]
    {
        assert!(!is_plain(&read(script)), "{script}");
    }
}

#[test]
fn what_waits_for_a_person_is_seen() {
    for (script, marked) in [
        ("sudo nano /etc/x.conf", "nano /etc/x.conf"),
        ("crontab -e", "crontab -e"),
        ("crontab -l | crontab -", ""),
        ("sudo su - punk_eco\ncd x", "su - punk_eco"),
        ("su - app -c 'ls'", ""),
        ("sudo -i", "sudo -i"),
        ("sudo -u postgres psql -c 'select 1'", ""),
        ("mysqldump -u root -p shop > x.sql", "mysqldump -u root -p shop"),
        ("mysqldump -u root shop > x.sql", ""),
        ("mysql -u root -p shop < x.sql", "mysql -u root -p shop"),
        ("mysql shop < x.sql", ""),
        ("psql shop", "psql shop"),
        ("psql shop -f x.sql", ""),
        ("gunzip -c x | psql shop", ""),
        ("read -p 'sure? ' x", "read -p 'sure? ' x"),
        ("while read -r x; do echo; done < f", ""),
        ("ssh app@host", "ssh app@host"),
        ("ssh -p 22 app@host uptime", ""),
        ("less x", "less x"),
        ("passwd app", "passwd app"),
        ("sudo apt update && sudo apt upgrade", "apt upgrade"),
        ("sudo apt install postgresql-14 -y", ""),
        ("docker exec -it db psql -U a", "docker exec -it db psql -U a¦psql -U a"),
        ("docker compose exec -T db pg_isready", ""),
        ("echo nano; git commit -m x", ""),
        ("command -v nano", ""),
    ] {
        check(interactive, script, marked);
    }
}

#[test]
fn what_never_ends_is_seen() {
    for (script, marked) in [
        ("docker-compose logs -f", "docker-compose logs -f"),
        ("docker compose -f x.yml logs --tail 5", ""),
        ("docker compose -f x.yml logs --follow web", "docker compose -f x.yml logs --follow web"),
        ("docker stats", "docker stats"),
        ("docker stats --no-stream", ""),
        ("docker compose up", "docker compose up"),
        ("docker-compose up -d", ""),
        ("tail -f log", "tail -f log"),
        ("tail -n 5 log", ""),
        ("timeout 5 tail -f log", ""),
        ("journalctl -u x -f", "journalctl -u x -f"),
        ("watch df", "watch df"),
        ("kubectl logs -f x", "kubectl logs -f x"),
        ("top", "top"),
        ("top -b -n 1", ""),
        ("watch -g df; docker compose up --exit-code-from t", ""),
    ] {
        check(never_ending, script, marked);
    }
}

#[test]
fn failures_that_go_unseen_are_seen() {
    for (script, marked) in [
        ("git diff a b || true", "git diff a b || true"),
        ("a || :", "a || :"),
        ("a || exit 1", ""),
        ("set +e", "set +e"),
        ("set -euo pipefail", ""),
        ("set +o pipefail", "set +o pipefail"),
        (
            "psql -c 'SELECT 1' > /dev/null 2>&1\nif [ $? -ne 0 ]; then exit 1; fi",
            "psql -c 'SELECT 1' > /dev/null 2>&1",
        ),
        ("curl x >/dev/null 2>&1 || exit 1", "curl x >/dev/null 2>&1"),
        ("if command -v aws &> /dev/null; then a; fi", ""),
    ] {
        check(masked_failures, script, marked);
    }
    check(background, "./postgres_exporter &", "./postgres_exporter");
    check(background, "a & b & wait", "");
}

#[test]
fn dumps_that_hide_their_failure_are_seen() {
    let without = |script: &Script<'_>| dump_status_hidden(script, Pipefail::Off);
    let with = |script: &Script<'_>| dump_status_hidden(script, Pipefail::On);
    let dump = "pg_dump -U $U shop | gzip > $F\nif [ $? -eq 0 ]; then echo ok; fi";
    check(without, dump, "pg_dump -U $U shop");
    check(with, dump, "");
    check(with, "set +o pipefail; pg_dump x | gzip > y", "pg_dump x");
    check(without, "set -euo pipefail; pg_dump x | gzip > y", "");
    check(with, "mysqldump --force x > y || true", "mysqldump --force x¦mysqldump --force x");
    check(sql_errors_pass, "psql -d shop -f \"$m\"", "psql -d shop -f \"$m\"");
    check(sql_errors_pass, "psql -v ON_ERROR_STOP=1 -f x", "");
    check(sql_errors_pass, "psql x <<E\n\\set ON_ERROR_STOP on\nE", "");
    check(sql_errors_pass, "gunzip -c x | psql y", "psql y");
    check(sql_errors_pass, "psql -c '\\copy t from stdin' < rows.csv", "");
}

#[test]
fn secrets_in_sight_are_seen() {
    let marked = |script: &str| -> String {
        let read = read(script);
        let all = secrets(&read);
        assert!(all.is_empty() || !is_plain(&read), "{script}");
        let shown = all.iter().map(|one| {
            let kind = if one.is_literal { "literal" } else { "value" };
            let place = if one.on_command_line { "argument" } else { "assignment" };
            format!("{} {kind} {place}", read.slice(&one.range))
        });
        shown.collect::<Vec<_>>().join("¦")
    };
    for (script, expected) in [
        ("mysql -u root -pS3cret shop", "-pS3cret literal argument"),
        ("mysql -u root -p shop", ""),
        ("sudo mysqldump -p\"$PW\" shop", "-p\"$PW\" value argument"),
        ("gcloud sql users create u --password=abc", "--password=abc literal argument"),
        ("aws rds x --master-user-password {{ pw }} --y", "{{ pw }} value argument"),
        ("docker login --password-stdin", ""),
        ("psql postgresql://u:pw@h/db", "postgresql://u:pw@h/db literal argument"),
        ("psql postgresql://u@h/db", ""),
        ("PGPASSWORD=x psql -c 1", "PGPASSWORD=x literal assignment"),
        ("PGPASSWORD=$P psql -c 1", ""),
        (
            "export URL=\"postgresql://u:pw@h/db\"",
            "URL=\"postgresql://u:pw@h/db\" literal assignment",
        ),
        ("curl -u a:b http://x", "a:b literal argument"),
    ] {
        assert_eq!(marked(script), expected, "{script}");
    }
}

#[test]
fn versions_that_move_or_count_are_seen() {
    for (script, marked) in [
        ("git reset --hard origin/main", "origin/main"),
        ("git checkout main", "main"),
        ("git checkout v2.0.0", ""),
        ("git checkout -b main", ""),
        ("git pull", "git pull"),
        ("docker pull nginx:latest", "nginx:latest"),
        ("docker pull reg:5000/nginx", "reg:5000/nginx"),
        ("docker pull nginx:1.25", ""),
        ("docker compose pull web", ""),
    ] {
        check(moving_references, script, marked);
    }
    for (script, marked) in [
        ("php artisan migrate:rollback", "php artisan migrate:rollback"),
        ("docker-compose run --rm web flask db downgrade -1", "flask db downgrade -1"),
        ("flask db downgrade ae1027a6acf", ""),
        ("alembic downgrade -1", "alembic downgrade -1"),
        ("git checkout HEAD~1", "git checkout HEAD~1"),
        ("ls -t b | head -1", "ls -t b"),
    ] {
        check(relative_rollback, script, marked);
    }
    check(tree_destroyed, "git fetch origin\ngit reset --hard v1", "git reset --hard v1");
    check(tree_destroyed, "git checkout -f x; git clean -fd", "git checkout -f x¦git clean -fd");
    check(tree_destroyed, "git checkout v1; git clean -n", "");
    check(forced_state, "docker-compose run --rm web flask db stamp x", "flask db stamp x");
    check(forced_state, "python manage.py migrate --fake", "python manage.py migrate --fake");
    check(forced_state, "flask db upgrade", "");
    check(database_rebuilt, "php artisan migrate:fresh --seed", "php artisan migrate:fresh --seed");
    check(database_rebuilt, "php artisan migrate", "");
}

#[test]
fn what_depends_on_place_or_day_is_seen() {
    check(implicit_directory, "cd ~/punk-eco\nls", "~/punk-eco¦cd ~/punk-eco");
    check(implicit_directory, "(cd app && ls); ls app", "");
    check(implicit_directory, "cd app && ls", "cd app");
    check(not_rerunnable, "mkdir x; mkdir -p y; cp .env backups/x", "mkdir x¦cp .env backups/x");
    check(
        not_rerunnable,
        "git checkout -b backup-$(date +%Y%m%d); git checkout x; test -d y || mkdir y || exit",
        "git checkout -b backup-$(date +%Y%m%d)",
    );
    check(day_names, "tar -czf x_$(date +%Y%m%d).tar.gz app/", "date +%Y%m%d");
    check(day_names, "D=$(date +%Y%m%d_%H%M%S); echo $(date)", "");
    check(obsolete, "docker-compose build --no-cache", "docker-compose");
    check(obsolete, "wget -O - x | sudo apt-key add -", "apt-key");
    check(obsolete, "docker compose build; md5sum x", "");
    check(obsolete, "echo 'host all all 10.0.0.0/8 md5' >> f", "'host all all 10.0.0.0/8 md5'");
}

#[test]
fn open_doors_and_unchecked_code_are_seen() {
    check(piped_download, "curl -fsSL x | sudo bash", "curl -fsSL x | sudo bash");
    check(piped_download, "wget -O - x | sudo apt-key add -", "wget -O - x | sudo apt-key add -");
    check(piped_download, "bash <(curl x)", "bash <(curl x)");
    check(piped_download, "curl x | grep y; bash z", "");
    check(open_to_world, "ufw allow 5432", "ufw allow 5432");
    check(open_to_world, "sudo ufw allow from 10.0.0.1 to any port 5432", "");
    check(open_to_world, "aws ec2 x --cidr 0.0.0.0/0", "0.0.0.0/0");
}

#[test]
fn blanks_to_fill_in_are_seen() {
    check(placeholders, "git checkout <previous-tag-or-commit>", "<previous-tag-or-commit>");
    check(placeholders, "flask db downgrade <revision>", "<revision>");
    check(placeholders, "mysql x < b_[DATE].sql", "[DATE]");
    check(
        placeholders,
        "aws --group-id sg-xxxxxxxx --p <STRONG_PASSWORD>",
        "xxxxxxxx¦<STRONG_PASSWORD>",
    );
    check(
        placeholders,
        "cp b/[fichier]_x [chemin/vers/fichier]",
        "[fichier]¦[chemin/vers/fichier]",
    );
    for clean in [
        "cat <in >out",
        "cat <in> out.txt",
        "ls [a-z]*",
        "[[ $x =~ [[:space:]] ]]",
        "[ -f x ]",
        "a <<EOF\nb\nEOF",
        "echo ${x[DATE]}",
        "echo {{ a['xxxxxxxx'] }}",
        "cat <(a) >(b)",
    ] {
        check(placeholders, clean, "");
    }
}

#[test]
fn tools_are_programs_of_this_machine() {
    let script = "set -e\nf() { jq .; }\nf; sudo -u a pg_dump x | gzip > y; ./backup.sh\n\
                  docker compose exec db psql -c 1; ssh h uptime; $X; [ -f x ] && gzip z";
    let read = read(script);
    let names: Vec<String> = tools(&read).into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["jq", "sudo", "pg_dump", "gzip", "docker", "ssh"]);
}

#[test]
fn commands_with_a_typed_action_are_seen() {
    for (script, actions) in [
        ("pg_dump x | gzip > y", "backup"),
        ("mysqldump x > y", "backup"),
        ("git checkout v2", "git"),
        ("sudo systemctl restart shop", "service"),
        ("docker compose up -d", "service"),
        ("tar -czf x.tgz app/", "backup"),
        ("tar xzf x.tgz", "files"),
        ("cp .env x", "files"),
        ("curl -fsS http://x/health", "http"),
        ("curl -fsSLo x.tgz http://x/x.tgz", "fetch"),
        ("psql -d x -f y.sql", "sql"),
        ("gunzip -c x | psql y", "restore"),
        ("php artisan down", "maintenance"),
        ("php artisan migrate --force", "migrate"),
        ("docker-compose run --rm web flask db upgrade", "migrate"),
        ("composer install --no-dev", "packages"),
        ("sleep 5", "wait"),
        ("./build.sh; echo done", ""),
    ] {
        let read = read(script);
        let found: Vec<&str> = typed_actions(&read).iter().map(|one| one.action).collect();
        assert_eq!(found.join(" "), actions, "{script}");
    }
}

#[test]
fn backups_that_overwrite_each_other_are_seen() {
    for (script, marked) in [
        ("mysqldump shop > backups/db_$(date +%Y%m%d).sql", "backups/db_$(date +%Y%m%d).sql"),
        ("mysqldump shop > backups/db_$(date +%Y%m%d_%H%M%S).sql", ""),
        ("D=$(date +%F)\npg_dump shop | gzip > backups/$D.gz", "backups/$D.gz"),
        ("D=$(date +%F-%H%M)\npg_dump shop | gzip > backups/$D.gz", ""),
        ("pg_dump shop > backups/shop.sql", "backups/shop.sql"),
        ("pg_dump --schema-only shop > backups/shop.sql", ""),
        ("pg_dump shop > \"$OUT/shop.sql\"", ""),
        ("pg_dump -d shop -f backups/{{ run.id }}.sql", ""),
        (
            "tar -czf backups/files_$(date +%Y%m%d).tar.gz app/",
            "backups/files_$(date +%Y%m%d).tar.gz",
        ),
        ("tar -xzf backups/files.tar.gz", ""),
        ("cp .env backups/env_$(date +%Y%m%d)", "backups/env_$(date +%Y%m%d)"),
        ("cp .env.example .env", ""),
    ] {
        check(overwritten_backups, script, marked);
    }
}

#[test]
fn restores_over_live_data_are_seen() {
    for (script, marked) in [
        ("mysql electoral_db < backups/db.sql", "mysql electoral_db"),
        ("gunzip -c backups/db.sql.gz | psql shop", "psql shop"),
        ("gunzip -c backups/db.sql.gz | psql shop_scratch", ""),
        ("createdb x\ngunzip -c backups/db.sql.gz | psql x", ""),
        ("psql shop < migrations/1.sql", ""),
        ("pg_restore -d shop backups/shop.dump", "pg_restore -d shop backups/shop.dump"),
        ("pg_restore --list backups/shop.dump", ""),
        ("pg_restore -f /dev/null backups/shop.dump", ""),
    ] {
        check(plain_restores, script, marked);
    }
    for (script, marked) in [
        ("mysql shop < backups/latest.sql", "backups/latest.sql"),
        (
            "gunzip -c \"$(ls -t backups/*.gz | head -1)\" | psql shop",
            "\"$(ls -t backups/*.gz | head -1)\"",
        ),
        ("tar -xzf backups/*.tar.gz", "backups/*.tar.gz"),
        ("mysql shop < backups/7.sql", ""),
        ("tar -czf backups/a.tar.gz *", ""),
    ] {
        check(restores_by_pattern, script, marked);
    }
}

#[test]
fn backups_that_go_or_lie_open_are_seen() {
    let prune = "find backups -name '*.sql.gz' -mtime +30 -delete";
    for (script, marked) in [
        (prune, prune),
        (
            "find /var/backups -mtime +30 -exec rm {} +",
            "find /var/backups -mtime +30 -exec rm {} +",
        ),
        ("find storage/logs -mtime +30 -delete", ""),
        ("find backups -mtime +30", ""),
    ] {
        check(pruned_by_age, script, marked);
    }
    for (script, marked) in [
        ("cp .env backups/env_1", "cp .env backups/env_1"),
        ("umask 077\ncp .env backups/env_1", ""),
        ("cp .env.example backups/x", ""),
        ("cp .env .env.testing", ""),
    ] {
        check(copied_secrets, script, marked);
    }
}

#[test]
fn git_is_asked_the_same_from_another_folder() {
    check(tree_destroyed, "git -C app reset --hard v2", "git -C app reset --hard v2");
    check(moving_references, "git -C app -c a=b checkout main", "main");
    check(moving_references, "git -C main checkout v2", "");
}
