from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Utilisateur(db.Model):
    __tablename__ = "utilisateurs"
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.Text, nullable=False, unique=True)
    mot_de_passe = db.Column(db.Text, nullable=False)


class Session(db.Model):
    __tablename__ = "sessions"
    id = db.Column(db.Integer, primary_key=True)
    utilisateur_id = db.Column(db.ForeignKey("utilisateurs.id"), nullable=False)


class PointDeCollecte(db.Model):
    __tablename__ = "points_de_collecte"
    id = db.Column(db.Integer, primary_key=True)
    nom = db.Column(db.Text, nullable=False)


class Collecte(db.Model):
    __tablename__ = "collectes"
    id = db.Column(db.Integer, primary_key=True)
    lieu = db.Column(db.Text, nullable=False)
    kilos = db.Column(db.Numeric, nullable=False)
    horaire = db.Column(db.Text, nullable=False, server_default="matin")

    def montre(self):
        return {"lieu": self.lieu, "kilos": float(self.kilos), "horaire": self.horaire}
