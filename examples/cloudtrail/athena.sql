-- Everything that a job, or a whole job array, did: from a trail's files, with Athena.
-- Needs: a table over the trail's bucket, as the CloudTrail console creates it; data events such as
-- s3:GetObject only if the trail records them.
SELECT eventtime, eventsource, eventname, errorcode,
       element_at(split(useridentity.arn, '/'), -1) AS session
FROM cloudtrail_logs
WHERE useridentity.type = 'AssumedRole'
  AND useridentity.arn LIKE 'arn:aws:sts::123456789012:assumed-role/%/slurm-12345678%'
ORDER BY eventtime
