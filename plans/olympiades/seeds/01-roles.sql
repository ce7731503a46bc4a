-- Rôles de la plateforme
INSERT INTO roles (nom, description) VALUES
    ('candidat', 'Élève participant aux olympiades'),
    ('administrateur', 'Gestionnaire de la plateforme'),
    ('super_admin', 'Administrateur principal')
ON CONFLICT (nom) DO NOTHING;
