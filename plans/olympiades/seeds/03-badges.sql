-- Les badges sont déjà dans le schéma initial (version 1.0) : rien à faire ici.
SELECT count(*) FROM badges;
