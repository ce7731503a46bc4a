create table approvals (
    number integer primary key,
    digest text not null,
    plan text not null,
    environment text,
    role text,
    "by" text not null,
    at integer not null,
    note text
) strict;
create index approvals_digest on approvals (digest);
