#!/usr/bin/env bash
# Crée l'instance RDS si elle n'existe pas. Le mot de passe administrateur est tiré et gardé par
# AWS Secrets Manager : personne ne le tape, aucun fichier ne le contient.
set -euo pipefail

instance=${1:?usage : creer-instance-rds.sh INSTANCE GROUPE_DE_SECURITE GROUPE_DE_SOUS_RESEAUX VERSION}
groupe=${2:?groupe de sécurité}
sous_reseaux=${3:?groupe de sous-réseaux}
version=${4:?version de PostgreSQL}

if aws rds describe-db-instances --db-instance-identifier "$instance" >/dev/null; then
    echo "l'instance $instance existe déjà"
    exit 0
fi

aws rds create-db-instance \
    --db-instance-identifier "$instance" \
    --db-instance-class db.t3.medium \
    --engine postgres \
    --engine-version "$version" \
    --db-name olympiades_ia \
    --master-username admin_olympiades \
    --manage-master-user-password \
    --allocated-storage 100 \
    --storage-type gp3 \
    --storage-encrypted \
    --vpc-security-group-ids "$groupe" \
    --db-subnet-group-name "$sous_reseaux" \
    --backup-retention-period 30 \
    --preferred-backup-window 03:00-04:00 \
    --preferred-maintenance-window mon:04:30-mon:05:30 \
    --deletion-protection \
    --multi-az \
    --no-publicly-accessible
