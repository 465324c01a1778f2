-- The tables and views of reports/evalkit.duckdb. One table per noun; the comment behind a column is its documentation:
-- it is stored with COMMENT ON, shown by `evalkit sql`, and must be repeated in docs/store.md (a test compares them).
-- No primary keys and no indexes: the journals are the truth, one ingest at a time replaces whole runs.

create table meta (  -- One row: who made this file.
  schema_version integer,  -- version of these tables; a newer one is refused, an older one is rebuilt
  evalkit_version varchar,  -- evalkit that created the file
  duckdb_version varchar,  -- DuckDB that created the file
  created_at timestamp  -- UTC
);

create table ingested (  -- Journals that were read, so that only what changed is read again.
  run_id varchar,  -- the run
  file varchar,  -- name of the journal in reports/journal/<run_id>
  bytes bigint,  -- its size when it was read
  at_utc timestamp  -- when
);

create table runs (  -- One row per session.
  run_id varchar,  -- also the folder under reports/journal
  started_at timestamp,  -- UTC
  finished_at timestamp,  -- UTC; null if the run was killed
  mode varchar,  -- live, cache, replay or refresh
  complete boolean,  -- false if the run was interrupted or killed
  partial boolean,  -- true if only some of the cases were selected
  planned integer,  -- trials; null if the run died before it knew
  possibly_billed integer,  -- calls that were about to be sent and have no answer
  evalkit_version varchar,  -- evalkit that ran
  python_version varchar,  -- Python that ran
  git_revision varchar,  -- commit; null outside a repository
  git_branch varchar,  -- branch; null if unknown
  git_dirty boolean,  -- uncommitted changes; null if unknown
  command varchar,  -- command line
  extra json,  -- anything else that was noted
  damage varchar[]  -- what could not be read from the journals, one sentence each
);

create table suites (  -- Suites that a run measured.
  run_id varchar,  -- the run
  suite varchar,  -- name
  suite_path varchar  -- file, relative to the project
);

create table prompts (  -- Full text of every prompt version that produced a result.
  ref varchar,  -- refund-reply:v3
  digest varchar,  -- sha256 over the template and everything it includes
  path varchar,  -- the template's file
  description varchar,  -- from its front matter
  git_at varchar,  -- git revision it was read from; null for the working tree
  sources json  -- object: file path to text, the template first
);

create table variants (  -- What a run compared.
  run_id varchar,  -- the run
  suite_path varchar,  -- the suite
  label varchar,  -- between the brackets of a test id
  variant varchar,  -- name in the suite
  cell varchar,  -- dimensions crossed with every variant; compare within equal cells
  prompt varchar,  -- reference with version
  prompt_digest varchar,  -- joins prompts.digest
  model varchar,  -- provider/model
  params json,  -- sampling parameters
  git_at varchar  -- git revision of the prompt; null for the working tree
);

create table cases (  -- Rows of datasets, once per content.
  suite_path varchar,  -- the suite
  case_id varchar,  -- stable id
  case_digest varchar,  -- digest of its content; a changed case is another row
  vars json,  -- what the prompt was rendered with
  expect json,  -- expectations
  tags varchar[],  -- sorted
  cluster varchar,  -- group of dependent cases; null if none
  path varchar,  -- file it was written in
  line integer,  -- line in that file; null if unknown
  checks json  -- checks of the case itself, as written
);

create table requests (  -- What was sent, once per key.
  request_key varchar,  -- sha256 over everything that changes the answer
  kind varchar,  -- chat, embed or moderate
  model varchar,  -- provider/model
  endpoint varchar,  -- provider kind and base URL
  messages json,  -- list of {role, content, …}
  params json,  -- sampling parameters
  tools json,  -- tools offered
  output_schema json,  -- JSON Schema of the structured output; null if none
  repeat_number integer  -- counts from 0
);

create table responses (  -- Settled calls: the answer, or the failure that took its place.
  call_id varchar,  -- <run_id>/<journal>#<record>
  run_id varchar,  -- the run
  request_key varchar,  -- joins requests
  source varchar,  -- live, cache, replay, scripted or shared
  settled_at timestamp,  -- UTC
  cost_usd double,  -- usage times price, whoever paid; null if unknown
  paid_usd double,  -- what this run paid; 0 unless live; null if unknown
  failure varchar,  -- kind of failure; null for an answer
  failure_message varchar,  -- what happened
  text varchar,  -- the answer; null for a failure
  finish varchar,  -- stop, length, filtered, refusal, tool_calls or unknown
  latency_s double,  -- seconds, of the attempt that succeeded
  input_tokens bigint,  -- as the provider counted, cached ones included
  output_tokens bigint,  -- as the provider counted
  cached_input_tokens bigint,  -- part of input_tokens
  reasoning_tokens bigint,  -- part of output_tokens
  served_model varchar,  -- model that the provider says answered
  provider_request_id varchar,  -- for the provider's support
  tool_calls json,  -- list of {id, name, arguments}
  refusal varchar,  -- refusal text, if the provider marks one
  repaired boolean,  -- characters that no text may hold were replaced
  labels varchar[],  -- flagged categories of a moderate request
  dimensions integer  -- length of the first vector of an embed request; null otherwise
);

create table attempts (  -- Every try at a call.
  call_id varchar,  -- joins responses
  run_id varchar,  -- the run
  number integer,  -- counts from 1
  started_at timestamp,  -- UTC
  latency_s double,  -- seconds
  wait_s double,  -- pause before it, seconds
  status integer,  -- HTTP status; null if there was none
  failure varchar,  -- kind of failure; null if it succeeded
  message varchar  -- what the provider said
);

create table trials (  -- One case x variant x repeat, measured.
  trial_id varchar,  -- <run_id>/<test_id>#<repeat>
  run_id varchar,  -- the run
  suite varchar,  -- name of the suite
  suite_path varchar,  -- its file
  case_id varchar,  -- joins cases with suite_path and case_digest
  case_digest varchar,  -- content of the case
  variant varchar,  -- name of the variant
  cell varchar,  -- dimensions crossed with every variant
  label varchar,  -- joins variants with run_id and suite_path
  repeat_number integer,  -- counts from 0
  test_id varchar,  -- id of the pytest item
  status varchar,  -- pass, fail or error (no answer, or could not be judged)
  call_id varchar,  -- joins responses
  request_key varchar,  -- joins requests
  served varchar,  -- whose answer it is: primary, the model of a fallback, or canned answer; null without an answer
  tags varchar[],  -- of the case in this run, sorted
  cluster varchar  -- of the case in this run; null if none
);

create table tried (  -- Calls that failed beside the one that counts, because another model was asked in their place.
  trial_id varchar,  -- joins trials
  run_id varchar,  -- the run
  position integer,  -- counts from 0
  call_id varchar  -- joins responses
);

create table followups (  -- Calls that checks asked for (judges, embeddings).
  trial_id varchar,  -- joins trials
  run_id varchar,  -- the run
  position integer,  -- counts from 0
  call_id varchar  -- joins responses
);

create table verdicts (  -- One check on one answer.
  trial_id varchar,  -- joins trials
  run_id varchar,  -- the run
  position integer,  -- order in the suite, from 0
  check_name varchar,  -- as a reader names it
  family varchar,  -- shape, content, safety, judge, metamorphic, operational or custom
  status varchar,  -- pass, fail, error or skip
  severity varchar,  -- fail counts, warn does not
  reason varchar,  -- what was expected and what was found
  score double,  -- 0 to 1; null if the check has none
  spans json,  -- list of [start, end] character offsets into the answer
  line integer  -- line of the check in the suite; null if unknown
);

create table gates (  -- What became of each gate.
  run_id varchar,  -- the run
  suite varchar,  -- name of the suite
  suite_path varchar,  -- its file
  variant varchar,  -- the variant it was judged for
  gate varchar,  -- as written
  status varchar,  -- passed, failed, undecided or not_judged
  reason varchar,  -- in words
  numbers json,  -- what the reason was computed from
  line integer  -- line in the suite; null if unknown
);

create table skips (  -- Tests that were skipped on purpose.
  run_id varchar,  -- the run
  test_id varchar,  -- id of the pytest item
  reason varchar,  -- why
  trials integer  -- how many trials it holds
);

create table labels (  -- What people say of an answer, for one check: see evalkit calibrate.
  trial_id varchar,  -- joins trials
  run_id varchar,  -- the run whose answer was labelled
  check_name varchar,  -- the check, with a number behind if the trial has several of that name: rubric (2)
  passed boolean,  -- what the check should have said; null for a comment alone, or a label that was taken back
  labelled_by varchar,  -- who; empty if not said
  labelled_at timestamp,  -- UTC
  comment varchar  -- what the person wrote; empty if nothing
);

create table preferences (  -- Which of two answers to one case people find better: see evalkit serve.
  run_id varchar,  -- the run
  suite_path varchar,  -- the suite
  case_id varchar,  -- the case
  label_a varchar,  -- one variant
  label_b varchar,  -- the other; labels are in alphabetical order
  repeat_number integer,  -- which repeat, of both
  winner varchar,  -- a, b or tie; null for a choice that was taken back
  preferred_by varchar,  -- who; empty if not said
  preferred_at timestamp,  -- UTC
  comment varchar  -- what the person wrote; empty if nothing
);

create view latest_run as  -- The newest run, one row of runs.
select * from runs order by started_at desc, run_id desc limit 1;

create view trial_overview as  -- A trial with its answer, prompt, cost and the checks it failed: the view to start from.
select t.run_id, t.suite, t.case_id, t.label, t.variant, t.repeat_number, t.status,
       coalesce((select list(v.check_name order by v.position) from verdicts v
                 where v.trial_id = t.trial_id and v.status in ('fail', 'error') and v.severity = 'fail'), []) as failed_checks,
       r.text as answer, t.served, r.failure, r.source, r.cost_usd, r.latency_s, r.input_tokens, r.output_tokens,
       w.model, w.prompt, t.test_id, t.trial_id, t.call_id
from trials t
left join responses r using (call_id)
left join variants w on w.run_id = t.run_id and w.suite_path = t.suite_path and w.label = t.label;

create view case_rates as  -- Per run, variant and case: how many repeats passed.
select run_id, suite, suite_path, case_id, case_digest, variant, cell, label,
       count(*) filter (status = 'pass') as passed, count(*) filter (status = 'error') as errors, count(*) as repeats
from trials group by all;

create view pass_rates as  -- Per run and variant: trials by status and the pass rate; an error counts as not passed.
select run_id, suite, suite_path, label, variant,
       count(*) as trials, count(*) filter (status = 'pass') as passed, count(*) filter (status = 'fail') as failed,
       count(*) filter (status = 'error') as errors, count(*) filter (status = 'pass') / count(*) as pass_rate
from trials group by all;

create view check_rates as  -- Per run, variant and check: verdicts by status.
select t.run_id, t.suite, t.suite_path, t.label, t.variant, v.check_name, v.family, v.severity,
       count(*) filter (v.status = 'pass') as passed, count(*) filter (v.status = 'fail') as failed,
       count(*) filter (v.status = 'error') as errors, count(*) filter (v.status = 'skip') as skipped
from verdicts v join trials t using (trial_id) group by all;

create view flips as  -- Cases that most repeats of variant a pass and of b do not, or the other way round, in the same run.
select a.run_id, a.suite, a.case_id, a.cell, a.label as label_a, b.label as label_b,
       a.passed as passed_a, a.repeats as repeats_a, b.passed as passed_b, b.repeats as repeats_b,
       case when 2 * b.passed > b.repeats then 'fixed' else 'broken' end as flip
from case_rates a
join case_rates b on a.run_id = b.run_id and a.suite_path = b.suite_path and a.case_id = b.case_id
  and a.case_digest = b.case_digest and a.cell = b.cell and a.variant <> b.variant
where (2 * a.passed > a.repeats) <> (2 * b.passed > b.repeats);

create view labelled_verdicts as  -- A verdict beside a person's label of the same answer, one row per label.
select v.run_id, t.suite, t.case_id, t.label, t.repeat_number, l.check_name, v.family, v.status as verdict,
       case when l.passed then 'pass' else 'fail' end as person, l.labelled_by, v.reason, v.trial_id
from (select *, row_number() over (partition by trial_id, check_name order by position) as place from verdicts) v
join labels l on l.trial_id = v.trial_id and l.passed is not null
  and l.check_name = v.check_name || case when v.place > 1 then ' (' || v.place || ')' else '' end
join trials t on t.trial_id = v.trial_id;

create view run_costs as  -- Per run: calls by source, what was paid, and how many calls have no known price.
select run_id, count(*) as calls, count(*) filter (source = 'live') as live,
       count(*) filter (source = 'cache') as cached, count(*) filter (source = 'replay') as replayed,
       count(*) filter (failure is not null) as failures,
       sum(paid_usd) as paid_usd, count(*) filter (paid_usd is null) as unpriced
from responses group by all;

create view variant_costs as  -- Per run and variant: what answers and what checks (judges) cost, and what of it this run paid; unpriced ones are in neither sum.
select c.run_id, c.suite_path, c.label, c.purpose, count(*) as calls,
       sum(r.cost_usd) as cost_usd, sum(r.paid_usd) as paid_usd, count(*) filter (r.cost_usd is null) as unpriced
from (select run_id, suite_path, label, 'answers' as purpose, call_id from trials
      union all
      select t.run_id, t.suite_path, t.label, 'checks', f.call_id from followups f join trials t using (trial_id)) c
join responses r using (call_id)
where r.failure is null group by all;
