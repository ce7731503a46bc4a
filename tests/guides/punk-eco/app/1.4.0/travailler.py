import os
import signal
import time

import psycopg

# The first process of a container must end by itself when it is told to.
signal.signal(signal.SIGTERM, lambda *_: exit(0))
with psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as base:
    while True:
        base.execute("select sum(kilos) from collectes")
        time.sleep(5)
