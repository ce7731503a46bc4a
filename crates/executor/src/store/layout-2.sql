create table backups (
    number integer primary key,
    run integer not null references runs (key),
    id text not null,
    path text not null unique,
    made_at integer not null,
    body text not null,
    verified_at integer,
    verified_by text,
    fault text,
    removed_at integer,
    removed_by text
) strict;
