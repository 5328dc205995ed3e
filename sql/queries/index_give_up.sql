-- Statements of this session give up soon: what they would clean up is seen later, and cleaned up then.
SELECT set_config('statement_timeout', '5s', false);
