import signal

from app import create_app

# The first process of a container must end by itself when it is told to.
signal.signal(signal.SIGTERM, lambda *_: exit(0))
app = create_app()
