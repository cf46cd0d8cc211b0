-- The two roles of a real installation, as its administrator, in psql:
--   psql -v owner_password=... -v application_password=... -f deploy/postgresql.sql
-- The owner migrates; the application can add to the ledger through functions only, and can change nothing in it.

\set ON_ERROR_STOP on

CREATE ROLE strongroom_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE strongroom_app LOGIN PASSWORD :'application_password';

CREATE DATABASE strongroom OWNER strongroom_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE strongroom FROM PUBLIC;
GRANT CONNECT ON DATABASE strongroom TO strongroom_app;

\connect strongroom

ALTER SCHEMA public OWNER TO strongroom_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO strongroom_app;
