-- The schema `ops` of the database `warehouse`: what the platform knows about its own work.
-- Applied by `python -m control_plane.migrate_ops` as the role migrator, again on every start:
-- each statement is idempotent, and nothing is ever dropped or narrowed.

CREATE SCHEMA IF NOT EXISTS ops;

-- The fence: which attempt last committed a partition of an asset. A writer locks its row and
-- commits only if no attempt that started later has.
CREATE TABLE IF NOT EXISTS ops.partition_commits (
    asset        text        NOT NULL,
    partition    text        NOT NULL,
    run_id       text        NOT NULL,
    started_at   timestamptz NOT NULL,
    committed_at timestamptz,
    PRIMARY KEY (asset, partition)
);

-- Facts that a person should know, one row for each thing that is or was wrong. Written in the
-- tick that saw the fact, sent by the alerter.
CREATE TABLE IF NOT EXISTS ops.alerts (
    key        text        PRIMARY KEY,
    kind       text        NOT NULL,
    severity   text        NOT NULL DEFAULT 'warning'
               CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    domain     text        NOT NULL DEFAULT '',
    subject    text        NOT NULL,
    state      text        NOT NULL DEFAULT 'open'
               CHECK (state IN ('open', 'acknowledged', 'closed')),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    count      integer     NOT NULL DEFAULT 1,
    facts      jsonb       NOT NULL DEFAULT '{}',
    link       text        NOT NULL DEFAULT ''
);

-- What happened to an alert's state, in order. A trigger writes it in the transaction that changes
-- the alert: an alert that opens and closes between two looks of the alerter is not lost. The text
-- of the alert is copied, since by the time of sending the row may tell of something newer.
CREATE TABLE IF NOT EXISTS ops.alert_transitions (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text        NOT NULL,
    transition text        NOT NULL CHECK (transition IN ('opened', 'closed')),
    at         timestamptz NOT NULL DEFAULT now(),
    kind       text        NOT NULL,
    severity   text        NOT NULL,
    domain     text        NOT NULL,
    subject    text        NOT NULL,
    facts      jsonb       NOT NULL,
    link       text        NOT NULL,
    planned_at timestamptz
);
ALTER TABLE ops.alert_transitions ADD COLUMN IF NOT EXISTS first_seen timestamptz;
CREATE INDEX IF NOT EXISTS alert_transitions_unplanned
    ON ops.alert_transitions (id) WHERE planned_at IS NULL;

-- One row for each transition and channel it goes to. `channel` is a hash of the channel's URL:
-- the URL holds secrets.
CREATE TABLE IF NOT EXISTS ops.alert_deliveries (
    transition_id   bigint      NOT NULL REFERENCES ops.alert_transitions (id),
    channel         text        NOT NULL,
    key             text        NOT NULL,
    transition      text        NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    given_up_at     timestamptz,
    last_error      text,
    PRIMARY KEY (transition_id, channel)
);
CREATE INDEX IF NOT EXISTS alert_deliveries_pending
    ON ops.alert_deliveries (next_attempt_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- Runs as its owner: who may write an alert need not be able to touch the sender's books.
CREATE OR REPLACE FUNCTION ops.note_alert_transition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was_live boolean := TG_OP = 'UPDATE' AND OLD.state <> 'closed';
    is_live  boolean := NEW.state <> 'closed';
    ranks    constant text[] := ARRAY['info', 'warning', 'error', 'critical'];
    rank     constant int := array_position(ranks, NEW.severity);
    worse    boolean := was_live AND is_live AND rank > array_position(ranks, OLD.severity);
BEGIN
    IF worse THEN
        -- What is worse than all that was told of it is told anew: others may have to hear of it.
        SELECT coalesce(max(array_position(ranks, told.severity)), 0) < rank INTO worse
        FROM ops.alert_transitions AS told
        WHERE told.key = NEW.key AND told.transition = 'opened'
          AND told.first_seen = NEW.first_seen;
    END IF;
    IF was_live IS DISTINCT FROM is_live OR worse THEN
        INSERT INTO ops.alert_transitions
            (key, transition, kind, severity, domain, subject, facts, link, first_seen)
        VALUES (NEW.key, CASE WHEN is_live THEN 'opened' ELSE 'closed' END,
                NEW.kind, NEW.severity, NEW.domain, NEW.subject, NEW.facts, NEW.link,
                NEW.first_seen);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER note_alert_transition
    AFTER INSERT OR UPDATE ON ops.alerts
    FOR EACH ROW EXECUTE FUNCTION ops.note_alert_transition();

-- How the daemon, whose role has no right on any table here, tells what docker_gate refused. It can
-- raise this one kind of alert.
CREATE OR REPLACE FUNCTION ops.report_refusal(
    caller text, request text, reason text, run_id text, run_link text
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ops.alerts AS known (key, kind, severity, subject, facts, link)
    VALUES (
        'gate.refused:' || left(coalesce(nullif(run_id, ''), caller || ' ' || request), 200),
        'gate.refused', 'error',
        'docker_gate refused a request of the ' || left(caller, 40)
            || coalesce(' for run ' || left(nullif(run_id, ''), 8), ''),
        jsonb_build_object('caller', left(caller, 40), 'request', left(request, 160),
                           'reason', left(reason, 400), 'run_id', left(run_id, 36)),
        left(run_link, 300)
    )
    ON CONFLICT (key) DO UPDATE SET
        facts = excluded.facts, link = excluded.link, last_seen = excluded.last_seen,
        state = CASE known.state WHEN 'closed' THEN 'open' ELSE known.state END,
        first_seen = CASE known.state WHEN 'closed' THEN excluded.first_seen
                     ELSE known.first_seen END,
        count = known.count + 1
$$;
REVOKE ALL ON FUNCTION ops.report_refusal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.report_refusal TO dagster;
GRANT USAGE ON SCHEMA ops TO dagster;

-- TRUNCATE and DELETE stay with the owner: what happened is not unwritten.
GRANT USAGE ON SCHEMA ops TO user_code, alerter, analyst;
-- An older Assay granted more.
REVOKE DELETE ON ops.partition_commits FROM user_code;
GRANT SELECT, INSERT, UPDATE ON ops.partition_commits TO user_code;
GRANT SELECT, INSERT, UPDATE ON ops.alerts TO user_code, alerter;
GRANT SELECT, INSERT, UPDATE ON ops.alert_transitions, ops.alert_deliveries TO alerter;
GRANT SELECT ON ops.partition_commits TO alerter;
-- Not alert_deliveries: what a channel answered is for who runs the platform.
GRANT SELECT ON ops.partition_commits, ops.alerts, ops.alert_transitions TO analyst;
