"""Les dons"""
import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0012"


def upgrade():
    op.create_table(
        "dons",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("utilisateur_id", sa.Integer, sa.ForeignKey("utilisateurs.id"), nullable=False),
        sa.Column("centimes", sa.Integer, nullable=False),
    )


def downgrade():
    op.drop_table("dons")
