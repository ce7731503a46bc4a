"""L'heure des collectes"""
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade():
    op.add_column("collectes", sa.Column("horaire", sa.Text, nullable=False, server_default="matin"))


def downgrade():
    op.drop_column("collectes", "horaire")
