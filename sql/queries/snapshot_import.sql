-- See what another transaction sees.
SET TRANSACTION SNAPSHOT {snapshot};
