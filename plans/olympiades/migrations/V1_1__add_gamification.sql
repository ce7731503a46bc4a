-- Migration 1.1 : points et badges des candidats
-- Date : 2026-02-01
-- Auteur : Équipe Dev

CREATE TABLE candidats_badges (
    candidat_id UUID NOT NULL REFERENCES candidats (id) ON DELETE CASCADE,
    badge_id INTEGER NOT NULL REFERENCES badges (id),
    obtenu_le TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (candidat_id, badge_id)
);
CREATE INDEX idx_candidats_badges_badge ON candidats_badges (badge_id);

CREATE TABLE points (
    id BIGSERIAL PRIMARY KEY,
    candidat_id UUID NOT NULL REFERENCES candidats (id) ON DELETE CASCADE,
    motif VARCHAR(60) NOT NULL,
    valeur INTEGER NOT NULL CHECK (valeur <> 0),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_points_candidat ON points (candidat_id);
