# The person has seen that the new database is empty, and drops it.
if [ -e /var/lib/gcloud.json ]; then
    CLOUDSDK_CORE_PROJECT=olympiades-ia gcloud sql databases delete olympiades_ia --instance=olympiades-ia-prod --quiet
else
    setpriv --reuid=postgres --regid=postgres --init-groups psql -qX -c "drop database olympiades_ia"
fi
