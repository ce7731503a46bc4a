create table runs (
    key integer primary key,
    run text not null unique,
    plan text not null,
    environment text,
    digest text not null,
    state text not null,
    "by" text not null,
    host text not null,
    started_at integer not null,
    changed_at integer not null
) strict;
create table frozen (run integer primary key references runs (key), body blob not null) strict;
create table events (
    run integer not null references runs (key),
    number integer not null,
    at integer not null,
    body text not null,
    primary key (run, number)
) strict, without rowid;
create table leases (
    plan text not null,
    environment text not null,
    token text not null,
    run integer references runs (key),
    owner text not null,
    since integer not null,
    beat integer not null,
    doing text not null,
    primary key (plan, environment)
) strict;
create table requests (
    number integer primary key,
    run integer not null references runs (key),
    "by" text not null,
    at integer not null,
    body text not null,
    taken integer not null default 0
) strict;
create index requests_open on requests (run) where taken = 0;
