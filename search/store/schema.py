"""Schema: the store's own tables, beside Optuna's in the same database."""

# Optuna's tables, in the same database, are called studies, trials and the like.
STATEMENTS = """
CREATE TABLE IF NOT EXISTS search_facts (
    name VARCHAR(100) PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS search_benches (
    id VARCHAR(20) PRIMARY KEY, content TEXT NOT NULL, device TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS search_candidates (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, structure_id VARCHAR(20) NOT NULL,
    candidate TEXT NOT NULL, validation TEXT NOT NULL, built_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recipe_id, baseline_id));
CREATE TABLE IF NOT EXISTS search_failures (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (recipe_id, baseline_id, bench_id));
CREATE TABLE IF NOT EXISTS search_structures (
    structure_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL, figures TEXT NOT NULL, raw TEXT NOT NULL,
    measured_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (structure_id, bench_id));
CREATE TABLE IF NOT EXISTS search_confirmations (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL,
    figures TEXT NOT NULL, test TEXT NOT NULL, raw TEXT NOT NULL, measured_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recipe_id, baseline_id, bench_id));
CREATE TABLE IF NOT EXISTS search_studies (
    id VARCHAR(100) PRIMARY KEY, content TEXT NOT NULL, used_at DOUBLE PRECISION NOT NULL);
CREATE TABLE IF NOT EXISTS search_trials (
    study_id VARCHAR(100) NOT NULL, number INTEGER NOT NULL, recipe_id VARCHAR(20) NOT NULL,
    state VARCHAR(20) NOT NULL, reason TEXT NOT NULL, begun_at DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION, PRIMARY KEY (study_id, number));
CREATE TABLE IF NOT EXISTS search_traces (
    structure_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL, taken_at DOUBLE PRECISION NOT NULL,
    trace TEXT NOT NULL);
"""
