# Use a role in your current fish shell, then drop it.
# Needs: nothing but aws-role-exec and credentials that may assume the role.
# Use: `source become.fish`, then `become_readonly` and later `become_myself`.
#
# If STS refuses, the sourced line is `false`, so the function returns and does not use your own
# identity.

function become_readonly
    aws-role-exec \
        --role-arn arn:aws:iam::123456789012:role/admin-readonly \
        --duration 1h \
        --format fish | source
    or return
    set --erase AWS_PROFILE
    aws sts get-caller-identity
end

function become_myself
    aws-role-exec --unset --format fish | source
end
