"""Points de collecte"""
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade():
    op.create_table(
        "points_de_collecte",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("nom", sa.Text, nullable=False),
    )


def downgrade():
    op.drop_table("points_de_collecte")
