# The person takes the protection off and deletes the instance.
if [ ! -e /var/lib/gcloud.json ]; then
    aws rds modify-db-instance --db-instance-identifier olympiades-ia-prod --no-deletion-protection >/dev/null
    aws rds delete-db-instance --db-instance-identifier olympiades-ia-prod --skip-final-snapshot >/dev/null
else
    CLOUDSDK_CORE_PROJECT=olympiades-ia gcloud sql instances delete olympiades-ia-prod --quiet
fi
