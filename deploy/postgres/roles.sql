-- The roles and databases of an Assay, run with psql by a superuser. Safe to run again: what is
-- there stays, passwords become the given ones, so that this is how to change a password, too.
--
--   psql --set ON_ERROR_STOP=1 --set dagster_password=… --set viewer_password=… \
--        --set migrator_password=… --set user_code_password=… --set alerter_password=… \
--        --set analyst_password=… --file roles.sql
--
-- Tables of the warehouse, and the rights on them, come from the migrations (schema ops; schemas of
-- the domains).

-- Passwords must not end in the server's log, whatever it is told to log.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['dagster', 'viewer', 'migrator', 'user_code', 'alerter', 'analyst']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- Iterations slow down whoever guesses a weak password from a stolen verifier. The services' are
-- 256 random bits, which nobody guesses, and a run makes some fifty connections: each is cheaper by
-- two thirds with one iteration.
SET scram_iterations = 1;
ALTER ROLE dagster PASSWORD :'dagster_password';
ALTER ROLE viewer PASSWORD :'viewer_password';
ALTER ROLE migrator PASSWORD :'migrator_password';
ALTER ROLE user_code PASSWORD :'user_code_password';
ALTER ROLE alerter PASSWORD :'alerter_password';
-- People may choose this one themselves.
RESET scram_iterations;
ALTER ROLE analyst PASSWORD :'analyst_password';

-- Rights say the same; this says it before a long query has run.
ALTER ROLE analyst SET default_transaction_read_only = on;

SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES ('dagster', 'dagster'), ('warehouse', 'migrator')) AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec

-- Dagster's storage is for Dagster: who writes it decides what runs.
REVOKE ALL ON DATABASE dagster FROM PUBLIC;
GRANT CONNECT ON DATABASE dagster TO viewer;
REVOKE ALL ON DATABASE warehouse FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE warehouse TO user_code;
-- dagster may call ops.report_refusal there, and read or write no table.
GRANT CONNECT ON DATABASE warehouse TO alerter, analyst, dagster;

-- Days and hours mean the same wherever the server stands.
ALTER DATABASE dagster SET timezone = 'UTC';
ALTER DATABASE warehouse SET timezone = 'UTC';

-- The viewers' web server reads what Dagster keeps, also in tables that are made later.
\connect dagster
GRANT SELECT ON ALL TABLES IN SCHEMA public TO viewer;
ALTER DEFAULT PRIVILEGES FOR ROLE dagster IN SCHEMA public GRANT SELECT ON TABLES TO viewer;
