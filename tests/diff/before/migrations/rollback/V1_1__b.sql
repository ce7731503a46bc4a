alter table a drop b;
