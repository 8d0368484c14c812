// Nextflow: a pipeline in which only the tasks that call AWS get their own role.
// Needs: the AWS CLI, and analyze.py (in bin/ beside this file, or on the PATH). Start it with
// nextflow.sh; nextflow.config beside this file sets the role.
params.samples = 'sample1'

process FETCH {
    label 'aws_access'

    input:
    val sample

    output:
    path "${sample}.fastq.gz"

    script:
    """
    aws s3 cp s3://raw-data/${sample}.fastq.gz ${sample}.fastq.gz
    """
}

process ANALYZE {
    input:
    path reads

    output:
    path "${reads.simpleName}.tsv"

    script:
    """
    analyze.py --input ${reads} --output ${reads.simpleName}.tsv
    """
}

workflow {
    Channel.of(params.samples.tokenize(',')).flatten() | FETCH | ANALYZE | view
}
