"""Utilisateurs, sessions, collectes"""
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = None


def upgrade():
    op.create_table(
        "utilisateurs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        sa.Column("mot_de_passe", sa.Text, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("utilisateur_id", sa.Integer, sa.ForeignKey("utilisateurs.id"), nullable=False),
    )
    op.create_table(
        "collectes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lieu", sa.Text, nullable=False),
        sa.Column("kilos", sa.Numeric, nullable=False),
    )


def downgrade():
    for table in ["collectes", "sessions", "utilisateurs"]:
        op.drop_table(table)
