import os
from pathlib import Path

from flask import Flask, jsonify, request, session
from flask_migrate import Migrate
from sqlalchemy import select, text
from werkzeug.security import check_password_hash

from .models import Collecte, PointDeCollecte, Session, Utilisateur, db


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
    db.init_app(app)
    Migrate(app, db)
    version = Path(app.root_path, "../VERSION").read_text().strip()

    @app.get("/")
    def accueil():
        return f"Punk Eco {version}"

    @app.get("/health")
    def health():
        revision = db.session.scalar(text("select version_num from alembic_version"))
        return jsonify(version=version, revision=revision)

    @app.get("/login")
    def login():
        return "<form>Connexion</form>"

    @app.post("/api/login")
    def entrer():
        given = request.get_json()
        utilisateur = db.session.scalar(select(Utilisateur).filter_by(email=given["email"]))
        if not utilisateur or not check_password_hash(utilisateur.mot_de_passe, given["password"]):
            return jsonify(erreur="inconnu"), 401
        db.session.add(Session(utilisateur_id=utilisateur.id))
        db.session.commit()
        session["email"] = utilisateur.email
        return jsonify(email=utilisateur.email)

    @app.get("/api/me")
    def moi():
        return jsonify(email=session["email"]) if "email" in session else ("", 401)

    @app.get("/api/collectes")
    def collectes():
        return jsonify([collecte.montre() for collecte in db.session.scalars(select(Collecte))])

    @app.get("/api/points-de-collecte")
    def points():
        return jsonify([point.nom for point in db.session.scalars(select(PointDeCollecte))])

    return app
