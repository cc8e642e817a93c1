-- x
SELECT 'a' /* b */ FROM t
